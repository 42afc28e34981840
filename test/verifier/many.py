"""Verifies many files in one process, for the tests: a JSON object a line goes in, a verdict a line comes out."""

import base64
import json
import sys

from verify_evidence import verify

for line in sys.stdin:
    asked = json.loads(line)
    earlier = [base64.b64decode(note) for note in asked["earlier"]]
    print(json.dumps(verify(base64.b64decode(asked["file"]), asked["key"], earlier)), flush=True)
