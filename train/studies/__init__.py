"""Many runs of one question: designs, their cells and what holds them."""
