-- Channels by their state, to be counted up to a bound.
CREATE INDEX push_channels_by_state ON push_channels (state);
