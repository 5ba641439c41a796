//! Waking a device through the Windows Push Notification Services: requests and answers as data
//! (protocol of WNS; CSP `DMClient`, `Provider/<id>/Push`).
//!
//! What is asked of the two services, what their answers mean, and what is to be done about each. Nothing here calls
//! anybody. The address of a channel comes from a device, so that [`ChannelUri`] takes only what can be Microsoft's.

mod answer;
mod channel;
mod notification;
mod status;
mod token;

pub use answer::{Answer, Connection, LONGEST_BACK_OFF, MOST_ATTEMPTS, Reaction, Retired, back_off};
pub use channel::{ChannelUri, NotAChannel, TestHost};
pub use notification::Notification;
pub use status::PushStatus;
pub use token::{TokenAnswer, TokenForm, TokenProblem, TokenRequest};
