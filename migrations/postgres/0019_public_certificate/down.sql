DROP TABLE public_certificates;
