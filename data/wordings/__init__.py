"""Sentences to train on, made from templates that are kept apart from those that score a model."""
