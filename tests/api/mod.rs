//! The admin API over HTTP, on both databases: every route, every error, and who may not.

mod commands;
mod devices;
mod doors;
mod enrolling;
mod enrollments;
mod repeated;
mod sessions;
