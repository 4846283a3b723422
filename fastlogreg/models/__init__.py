"""Trained models: their file, and what they answer on new rows, by NumPy alone.

model       `Model`: weights, labels, names, and how a table becomes X
metadata    the file's JSON text and its arrays, checked
answers     rows of any form become X, and z of each
onnx_file   the same model as a graph that other runtimes read
"""
