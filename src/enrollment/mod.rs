//! Enrollment: how a device comes under management (MS-MDE2).

pub mod applicant;
