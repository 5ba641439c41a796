DROP TABLE webhooks;
DROP TABLE feed;
