-- Certificates in the order in which they end, page by page.
CREATE INDEX certificates_by_end ON certificates (not_after, fingerprint);
