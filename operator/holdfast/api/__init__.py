"""The API: pydantic models, from which the CRD is generated, names and conditions. No I/O."""
