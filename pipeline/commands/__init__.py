"""One file per command of `sr-pipeline`; each is imported only when it is called."""
