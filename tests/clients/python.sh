# SPDX-License-Identifier: Apache-2.0
# Python, with ioctls of its own.
/usr/bin/python3 ../python_client.py
dmsetup ls
