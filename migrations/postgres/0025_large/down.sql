DROP INDEX certificates_by_state;
DROP INDEX push_channels_by_state;
