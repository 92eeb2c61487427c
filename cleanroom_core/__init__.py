"""Two organisations learn from data that neither may hand over. The package behind the wizard; knows no Streamlit.

A map, from what carries to what is carried:

- words and bytes: `errors`, `sql` (closed expression grammar), `audit` (signed log)
- what people agree on: `agreements`, `policies`, `tokens`, `identity`
- what may be asked and shown: `guard`, `privacy`, `rooms`
- what decides: `prechecks`, `review`
- where it runs and lies: `engines`, `stores`, `exchange`
- what people do: `stories`, put together by `context`, called by `cli` and by the pages of the wizard
"""
