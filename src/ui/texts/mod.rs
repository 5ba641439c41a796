//! Every text of the pages, a file per page: whoever translates them reads here and nowhere else.
//!
//! A text is a constant, so that one that nobody shows, or that is missing, does not compile.

macro_rules! texts {
    ($($name:ident = $text:literal;)*) => {
        $(
            #[doc = $text]
            pub const $name: &str = $text;
        )*
    };
}
pub mod alerts;
pub mod catalogue;
pub mod enrolling;
pub mod events;
pub mod everywhere;
pub mod operators;
pub mod provisioning;
