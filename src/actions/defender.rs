//! Looking for malware (CSP `Defender`).

use serde::{Deserialize, Serialize, de::IntoDeserializer as _, de::value::Error as Unread};
use transom_protocol::csp::LocUri;
use transom_protocol::syncml::Format;
use utoipa::ToSchema;

use super::Refusal;
use super::plan::{Plan, exec, vendor};
use super::reading::{Baseline, Readings, Told};
use super::requirement::Needs;

/// A scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// How thorough.
    #[serde(default)]
    pub depth: Depth,
}

/// How thorough a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Where malware usually is.
    #[default]
    Quick,
    /// Everywhere.
    Full,
    /// After a restart, before Windows runs.
    Offline,
}

impl std::str::FromStr for Depth {
    type Err = &'static str;

    /// The word in JSON; hyphens do as well.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let word = word.replace('-', "_");
        let read: Result<Self, Unread> = Self::deserialize(word.as_str().into_deserializer());
        read.map_err(|_| "write quick, full or offline")
    }
}

/// The first build that scans before Windows runs.
const WITH_OFFLINE: u32 = 17_134;

impl Scan {
    pub(super) const fn needs(&self) -> Needs {
        match self.depth {
            Depth::Quick | Depth::Full => Needs::NOTHING,
            Depth::Offline => Needs { build: WITH_OFFLINE, not_home: false },
        }
    }

    pub(super) fn plan(&self) -> Result<Plan, Refusal> {
        let scan = |data: &str| Ok::<_, Refusal>(exec(vendor("Defender/Scan")?, Some((Format::Chr, data.to_owned()))));
        let plan = match self.depth {
            Depth::Quick => Plan::of(scan("1")?),
            Depth::Full => Plan::of(scan("2")?),
            Depth::Offline => Plan::of(exec(vendor("Defender/OfflineScan")?, None)),
        };
        Ok(plan.after_reading(self.nodes()?))
    }

    /// When the device last finished a scan of this sort.
    pub(super) fn nodes(&self) -> Result<Vec<LocUri>, Refusal> {
        match self.depth {
            Depth::Quick => Ok(vec![vendor("Defender/Health/QuickScanTime")?]),
            Depth::Full => Ok(vec![vendor("Defender/Health/FullScanTime")?]),
            Depth::Offline => Ok(Vec::new()),
        }
    }

    /// Done when the device names another time for its last scan than before.
    pub(super) fn judge(&self, readings: &Readings, before: &Baseline) -> Result<Told, Refusal> {
        let nodes = self.nodes()?;
        let Some(node) = nodes.first() else { return Ok(Told::Nothing) };
        Ok(match (readings.value(node), before.get(node.as_str())) {
            (Some(now), before) if !now.is_empty() && before.is_none_or(|before| before != now) => {
                Told::Done(format!("the device says that it last scanned at {now}"))
            }
            (Some(_), _) => Told::GoesOn("the device has not finished the scan".to_owned()),
            (None, _) => Told::Nothing,
        })
    }
}

/// Fetch the newest signatures.
pub(super) fn update_signatures() -> Result<Plan, Refusal> {
    Ok(Plan::of(exec(vendor("Defender/UpdateSignature")?, None)).then_reading(signature_nodes()?))
}

/// Where the device says how old its signatures are.
pub(super) fn signature_nodes() -> Result<Vec<LocUri>, Refusal> {
    Ok(vec![vendor("Defender/Health/SignatureOutOfDate")?, vendor("Defender/Health/SignatureVersion")?])
}

/// Done when the device says that its signatures are not out of date.
pub(super) fn judge_signatures(readings: &Readings) -> Result<Told, Refusal> {
    let nodes = signature_nodes()?;
    let [out_of_date, version] = nodes.as_slice() else { return Ok(Told::Nothing) };
    let version = readings.value(version).filter(|version| !version.is_empty()).unwrap_or("unknown");
    Ok(match readings.value(out_of_date) {
        Some(value) if value.eq_ignore_ascii_case("false") || value == "0" => {
            Told::Done(format!("the device says that its signatures are current (version {version})"))
        }
        Some(_) => Told::GoesOn(format!("the device says that its signatures are out of date (version {version})")),
        None => Told::Nothing,
    })
}
