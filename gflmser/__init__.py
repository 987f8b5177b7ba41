"""GFLmser (ACM MM 2019): networks, losses, training and weights; imports nothing of ours."""
