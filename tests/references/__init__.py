"""References that no one here wrote, and what they are asked. tests/README.md says what each cannot see."""
