"""What is watched for, one thing a file: observations in, testimonies (`signal.Signal`) out."""
