"""One trial in one process: batches, fit, scores, checkpoints, delivery; importing its modules loads TensorFlow."""
