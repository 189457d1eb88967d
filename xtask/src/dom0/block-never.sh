#!/bin/sh
# A disk whose backend never learns its device, so it never connects: for tests of what a frontend does then.
exit 0
