"""The documentation site: what MkDocs adds to docs/."""
