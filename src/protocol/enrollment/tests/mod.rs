//! Enrollment as a whole: both sides, recorded devices, what strangers send.
