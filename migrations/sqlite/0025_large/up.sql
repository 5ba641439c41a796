-- Channels by their state, to be counted up to a bound.
CREATE INDEX push_channels_by_state ON push_channels (state);

-- Certificates of one state, in the order in which they end: those that were taken back are few among many.
CREATE INDEX certificates_by_state ON certificates (state, not_after, fingerprint);
