DROP TABLE webhooks;
DROP TABLE feed_numbers;
DROP TABLE feed;
