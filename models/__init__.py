"""Networks: loading and tuning pretrained ones, naming their layers, making them fast on a CPU."""
