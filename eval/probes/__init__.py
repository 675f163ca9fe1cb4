"""Behavioural probes: short tests of one ability each, in the terms of CheckList (Ribeiro et al. 2020).

A minimum functionality test (MFT) has labels; an invariance test (INV) has variants of a text that must not change the
answer; a directional expectation test (DIR) has variants that may change it one way only. Each capability has a file
with a CAPABILITY and `cases(rng)`; `generate` joins them, `suite` reads and writes them, `judge` holds a model to them.
"""
