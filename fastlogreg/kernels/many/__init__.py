"""K columns in one read of X: Z = W X + b, the losses, and dW = dZ X.T."""
