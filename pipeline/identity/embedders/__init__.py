"""Networks that turn a face into numbers: dlib's, or a user's ONNX file with its card."""
