//! What a device says of its channel, and what follows from it: decided on values.

use sha2::{Digest as _, Sha256};
use transom_protocol::push::{ChannelUri, PushStatus, TestHost};
use transom_protocol::session::Timestamp;

use crate::model::{ChannelState, PushChannel, Secret, hex};

/// A device that has no channel yet is asked again after so long, in milliseconds.
const SOON: i64 = 5 * 60 * 1000;

/// One that has none for longer, after so long.
const LATER: i64 = 24 * 60 * 60 * 1000;

/// What is to be sent to a device, and when to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    /// The package family name is to be set (again): the device then registers.
    pub(super) set_package: bool,
    /// When the channel is asked for again, if this brings nothing.
    pub(super) again_at: Timestamp,
}

/// Something that a device said of its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// It took the package family name.
    PackageSet,
    /// It did not.
    PackageRefused(u16),
    /// The address, perhaps empty.
    Uri(&'a str),
    /// It has none: a Status instead of a value.
    NoUri(u16),
    /// `Push/Status`.
    Status(PushStatus),
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// A word.
    pub(super) code: &'static str,
    /// A sentence.
    pub(super) detail: String,
}

/// What a device is asked, as its channel stands.
pub(super) fn wish(known: Option<&PushChannel>, package: &str, refresh: i64, now: Timestamp) -> Wish {
    let soon = now.plus_millis(SOON);
    let later = now.plus_millis(LATER);
    let Some(known) = known else { return Wish { set_package: true, again_at: soon } };
    let is_old = now.millis_since(known.changed_at) >= LATER;
    let set_package = known.package.as_deref() != Some(package)
        || match known.state {
            ChannelState::Retired => true,
            ChannelState::Unavailable | ChannelState::Registering => is_old,
            ChannelState::Live | ChannelState::Refused => false,
        };
    Wish { set_package, again_at: next(known, refresh, now, set_package, soon, later) }
}

/// When the device is asked again.
pub(super) fn ask_again(channel: &PushChannel, refresh: i64, now: Timestamp) -> Timestamp {
    next(channel, refresh, now, false, now.plus_millis(SOON), now.plus_millis(LATER))
}

fn next(
    channel: &PushChannel,
    refresh: i64,
    now: Timestamp,
    asked_anew: bool,
    soon: Timestamp,
    later: Timestamp,
) -> Timestamp {
    let is_old = now.millis_since(channel.changed_at) >= LATER;
    match channel.state {
        ChannelState::Live => now.plus_millis(refresh),
        ChannelState::Registering | ChannelState::Retired if asked_anew || !is_old => soon,
        _ => later,
    }
}

/// The channel after a device said something of it.
pub(super) fn learn(
    known: Option<PushChannel>,
    said: Said<'_>,
    package: &str,
    hosts: &[TestHost],
    now: Timestamp,
) -> (PushChannel, Option<Told>) {
    let mut channel = known.unwrap_or_else(|| PushChannel {
        state: ChannelState::Registering,
        reason: None,
        package: None,
        uri: None,
        uri_hash: None,
        status: None,
        observed_at: None,
        changed_at: now,
    });
    let before = channel.state;
    channel.observed_at = Some(now);
    let mut told = None;
    match said {
        Said::PackageSet => {
            channel.package = Some(package.to_owned());
            if channel.state != ChannelState::Live {
                channel.state = ChannelState::Registering;
                channel.reason = None;
                channel.changed_at = now;
            }
        }
        Said::PackageRefused(status) => {
            let why = format!("the device did not take the package family name ({status})");
            unavailable(&mut channel, why);
        }
        Said::NoUri(status) if channel.state != ChannelState::Retired => no_address(&mut channel, Some(status)),
        Said::NoUri(_) => {}
        Said::Uri(text) if text.trim().is_empty() => {
            if channel.state != ChannelState::Retired {
                no_address(&mut channel, None);
            }
        }
        Said::Uri(text) => told = address(&mut channel, text.trim(), hosts),
        Said::Status(status) => {
            channel.status = Some(status.0);
            if status != PushStatus::SUCCESS && channel.uri.is_none() && channel.state != ChannelState::Refused {
                unavailable(&mut channel, status.meaning().to_owned());
            }
        }
    }
    if channel.state != before {
        channel.changed_at = now;
    }
    (channel, told)
}

/// The device reported an address.
fn address(channel: &mut PushChannel, text: &str, hosts: &[TestHost]) -> Option<Told> {
    let hash = hex(&Sha256::digest(text.as_bytes()));
    let same = channel.uri_hash.as_deref() == Some(hash.as_str());
    if same && channel.uri.is_none() {
        // WNS said that it is of no use, or it was never one of WNS: only another one counts.
        if channel.state != ChannelState::Refused {
            channel.state = ChannelState::Retired;
            channel
                .reason
                .get_or_insert_with(|| "the device still reports the address that WNS does not take".to_owned());
        }
        return None;
    }
    channel.uri_hash = Some(hash);
    match ChannelUri::parse(text, hosts) {
        Ok(uri) => {
            channel.state = ChannelState::Live;
            channel.reason = None;
            channel.uri = Some(Secret::new(uri.expose().to_owned()));
            None
        }
        Err(why) => {
            channel.state = ChannelState::Refused;
            channel.uri = None;
            let reason = format!("the device reported an address that is not one of WNS: {why}");
            channel.reason = Some(reason.clone());
            let detail = format!("{reason}; it is never called");
            Some(Told { code: "channel_refused", detail })
        }
    }
}

fn no_address(channel: &mut PushChannel, status: Option<u16>) {
    // Registering takes a while: the next session knows more.
    if channel.state != ChannelState::Registering {
        let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
        unavailable(channel, format!("the device has no channel{status}"));
    }
}

fn unavailable(channel: &mut PushChannel, reason: String) {
    channel.state = ChannelState::Unavailable;
    channel.reason = Some(reason);
    channel.uri = None;
    channel.uri_hash = None;
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const REFRESH: i64 = 5 * LATER;
    const PACKAGE: &str = "Contoso.Mdm_8wekyb3d8bbwe";
    const ONE: &str = "https://db5.notify.windows.com/?token=one";
    const OTHER: &str = "https://db5.notify.windows.com/?token=other";

    fn hears(known: Option<PushChannel>, said: Said<'_>) -> PushChannel {
        learn(known, said, PACKAGE, &[], NOW).0
    }

    fn live() -> PushChannel {
        hears(Some(hears(None, Said::PackageSet)), Said::Uri(ONE))
    }

    fn retired() -> PushChannel {
        PushChannel { state: ChannelState::Retired, uri: None, ..live() }
    }

    fn wishes(known: &PushChannel, days: i64) -> (bool, i64) {
        let now = NOW.plus_millis(days * LATER);
        let wish = wish(Some(known), PACKAGE, REFRESH, now);
        (wish.set_package, wish.again_at.millis_since(now))
    }

    #[test]
    fn a_device_is_given_the_package_and_then_asked_for_its_channel() {
        assert_eq!(wish(None, PACKAGE, REFRESH, NOW), Wish { set_package: true, again_at: NOW.plus_millis(SOON) });
        let registering = hears(None, Said::PackageSet);
        assert_eq!(registering.state, ChannelState::Registering);
        assert_eq!(hears(Some(registering.clone()), Said::NoUri(404)).state, ChannelState::Registering);
        assert_eq!(hears(Some(registering.clone()), Said::Uri(" ")).state, ChannelState::Registering);
        assert_eq!(wishes(&registering, 0), (false, SOON));
        assert_eq!(wishes(&registering, 1), (true, SOON), "it is told again after a day");
        let live = live();
        assert_eq!((live.state, live.uri.as_ref().unwrap().expose().as_str()), (ChannelState::Live, ONE));
        assert_eq!(wishes(&live, 0), (false, REFRESH));
        assert!(wish(Some(&live), "Other_pfn", REFRESH, NOW).set_package);
    }

    #[test]
    fn an_address_that_was_retired_is_not_revived_and_another_one_counts() {
        let again = hears(Some(hears(Some(retired()), Said::PackageSet)), Said::Uri(ONE));
        assert_eq!((again.state, again.uri.is_none()), (ChannelState::Retired, true));
        assert_eq!(wishes(&retired(), 0), (true, SOON));
        let other = hears(Some(again), Said::Uri(OTHER));
        assert_eq!((other.state, other.uri.unwrap().expose().as_str()), (ChannelState::Live, OTHER));
    }

    #[test]
    fn an_address_that_is_not_one_of_wns_is_told_once_and_not_kept() {
        let (refused, told) = learn(Some(live()), Said::Uri("http://169.254.169.254/"), PACKAGE, &[], NOW);
        assert_eq!((refused.state, refused.uri.is_none()), (ChannelState::Refused, true));
        assert_eq!(told.unwrap().code, "channel_refused");
        let (again, told) = learn(Some(refused), Said::Uri("http://169.254.169.254/"), PACKAGE, &[], NOW);
        assert_eq!((again.state, told), (ChannelState::Refused, None));
        assert_eq!(wishes(&again, 0), (false, LATER));
        assert_eq!(hears(Some(again), Said::Uri(ONE)).state, ChannelState::Live);
    }

    #[test]
    fn a_device_that_has_no_channel_says_why() {
        let none = hears(Some(live()), Said::Uri(""));
        assert_eq!((none.state, none.uri.is_none()), (ChannelState::Unavailable, true));
        assert_eq!(wishes(&none, 0), (false, LATER));
        assert_eq!(wishes(&none, 1), (true, LATER));
        assert_eq!(hears(Some(none), Said::Uri(ONE)).state, ChannelState::Live, "the same address may come back");
        let status = hears(Some(hears(None, Said::PackageSet)), Said::Status(PushStatus(3)));
        assert_eq!((status.state, status.status), (ChannelState::Unavailable, Some(3)));
        assert!(status.reason.unwrap().contains("package family name"));
        let refused = hears(None, Said::PackageRefused(404));
        assert_eq!(refused.reason.unwrap(), "the device did not take the package family name (404)");
        assert_eq!(hears(Some(live()), Said::Status(PushStatus(7))).state, ChannelState::Live);
    }
}
