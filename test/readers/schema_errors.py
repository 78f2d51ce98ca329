"""Prints, of each document of a JSON file [[name, document], …], the first error by a JSON Schema, or null.

    schema_errors.py SCHEMA DOCUMENTS
"""
import json
import sys
from pathlib import Path

from jsonschema.validators import validator_for

schema, documents = (json.loads(Path(path).read_text()) for path in sys.argv[1:])
validator = validator_for(schema)
validator.check_schema(schema)
check = validator(schema)
print(json.dumps({name: next((e.message[:300] for e in check.iter_errors(document)), None) for name, document in documents}))
