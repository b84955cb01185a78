"""The baseline of a revision: what its training data looked like, as histograms.

`holdfast baseline` makes one from Parquet or CSV files; `docs/baseline.md` says what is in it.
The document and its categories need nothing beyond pydantic; all the rest needs the extra
`baseline` (numpy and pyarrow).
"""
