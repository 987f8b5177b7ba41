"""A PDF of a case: originals, steps, results and limits of one run."""
