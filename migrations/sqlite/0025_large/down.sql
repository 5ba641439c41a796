DROP INDEX push_channels_by_state;
