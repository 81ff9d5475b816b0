#!/bin/sh
# What is compressed, and inflated, by zlib: core-tests-zlib is built as if there were no libdeflate.
exec ./tests/core-tests-zlib gzip gzip_failures gzip_threads openpgp openpgp_failures sweep_write.gzip sweep_write.openpgp \
	unwrapped partinflate
