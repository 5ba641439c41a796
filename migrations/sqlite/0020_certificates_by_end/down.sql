DROP INDEX certificates_by_end;
