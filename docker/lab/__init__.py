"""The lab: drives the test PBX of this folder, for the demonstration, the end-to-end tests and the benchmarks."""
