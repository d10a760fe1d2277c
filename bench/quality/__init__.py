"""How good the answers are: `make eval` measures it on labelled questions and writes the report."""
