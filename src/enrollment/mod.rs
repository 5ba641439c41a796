//! Enrollment: how a device comes under management, and keeps its place there (MS-MDE2).
//!
//! A device asks where it can enroll, what its certificate request may look like, and then for a certificate:
//! [`Enrolling::answer`] is the door's side of all three, and of renewal. Who may is decided by [`applicant`]. What is
//! issued is one transaction: the enrollment, its credentials, its certificate and the line in the list of attempts are
//! there together or not at all, before a byte of the reply leaves. Whoever never got the reply tries again.

mod account;
pub mod applicant;
mod context;
mod issue;
mod plan;
mod refusal;
mod renew;
mod service;
pub mod sign_in;

pub use plan::{Plan, PlanError};
pub use service::{Enrolling, EnrollmentAnswer, EnrollmentRequest};
