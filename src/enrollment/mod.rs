//! Enrollment (MS-MDE2): who may join, and what they get.

pub mod sign_in;
