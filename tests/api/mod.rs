//! The admin API over HTTP, on both databases: every route, every error, and who may not.

mod alerts;
mod authoring;
mod authoring_browser;
mod browser;
mod commands;
mod console;
mod csp;
mod devices;
mod doors;
mod enrolling;
mod enrollments;
mod facts;
mod helpdesk;
mod importing;
mod pages;
mod people;
mod people_pages;
mod policies;
mod powers;
mod publishing;
mod repeated;
mod rights;
mod schemathesis;
mod sessions;
mod standing;
mod webhooks;
