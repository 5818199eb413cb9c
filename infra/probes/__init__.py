"""`make probe-aws`: what only AWS can confirm of docs/assumptions.md, asked in a scratch account."""
