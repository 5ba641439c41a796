//! A draft is published: to all devices at once, or to few of them first; and what goes to devices in stages.

use actix_web::web::{self, Data, Form, Path, Query};
use serde::Deserialize;

use super::answer::see_other;
use super::authoring::{Done, around, frame, told};
use super::{LISTED, Reply, Visitor, page};
use crate::admin::{Admin, CheckedPolicies, DevicePolicyQuery, Error, PolicyStagesJson, PublishPolicyDraft, StageDeed};
use crate::config::parse_duration;
use crate::http::api::now;
use crate::model::Right;
use crate::ui::authoring::{PublishPage, StagesEntered, Tab, changes};
use crate::ui::publishing::{PolicyStagePage, PolicyStagesPage};
use crate::ui::texts::{authoring as texts, publishing};
use crate::ui::{Frame, Section, text::part};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/sets/{set}/publish").route(web::get().to(ask_publish)).route(web::post().to(publish)))
        .service(web::resource("/policy-stages").route(web::get().to(stages)))
        .service(web::resource("/policy-stages/{revision}").route(web::get().to(stage)))
        .service(web::resource("/policy-stages/{revision}/{deed}").route(web::post().to(change_stage)));
}

#[derive(Deserialize)]
struct Publishing {
    csrf: String,
    version: i64,
    message: String,
    #[serde(default)]
    how: String,
    #[serde(default)]
    stages: String,
    #[serde(default)]
    stop_at_failures: String,
    #[serde(default)]
    minimum_devices: String,
    #[serde(default)]
    advance_after: String,
}

#[derive(Deserialize)]
struct Plain {
    csrf: String,
}

impl Publishing {
    /// As it is shown again.
    fn entered(&self) -> StagesEntered {
        let Self { stages, stop_at_failures, minimum_devices, advance_after, .. } = self;
        let in_stages = self.how == "stages";
        if !in_stages {
            return StagesEntered::default();
        }
        StagesEntered {
            in_stages,
            stages: stages.clone(),
            stop_at_failures: stop_at_failures.clone(),
            minimum_devices: minimum_devices.clone(),
            advance_after: advance_after.clone(),
            faults: Vec::new(),
        }
    }
}

/// How it is to go to devices; what is wrong with what was entered, by the names of the fields.
fn plan(entered: &StagesEntered) -> Result<Option<PolicyStagesJson>, Vec<(&'static str, String)>> {
    if !entered.in_stages {
        return Ok(None);
    }
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut faults = Vec::new();
    // What can't be read is said to be out of range, with the range.
    let minimum_devices = given(&entered.minimum_devices).map(|text| text.parse().unwrap_or(0));
    let after = given(&entered.advance_after).map(|text| parse_duration(&text));
    if after == Some(None) {
        faults.push(("advance_after", texts::ADVANCE_AFTER_WRONG.to_owned()));
    }
    let lines = entered.stages.lines().map(str::trim).filter(|line| !line.is_empty());
    let stages = PolicyStagesJson {
        stages: lines.map(str::to_owned).collect(),
        stop_at_failures: given(&entered.stop_at_failures),
        minimum_devices,
        advance_after_seconds: after.flatten().map(|after| after.as_secs()),
    };
    let field = |member| if member == "advance_after_seconds" { "advance_after" } else { member };
    faults.extend(stages.faults().into_iter().map(|(member, what)| (field(member), what)));
    if faults.is_empty() { Ok(Some(stages)) } else { Err(faults) }
}

async fn ask_publish(visitor: Visitor, admin: Data<Admin>, name: Path<String>, Query(done): Query<Done>) -> Reply {
    visitor.require(Right::Author)?;
    shown_publish(&visitor, &admin, &name, ("", &StagesEntered::default()), done.told(), None).await
}

async fn shown_publish(
    visitor: &Visitor,
    admin: &Admin,
    name: &str,
    (message, entered): (&str, &StagesEntered),
    done: Option<&'static str>,
    error: Option<&str>,
) -> Reply {
    let working = admin.working_set(name, visitor.actor()).await?;
    let changes = changes(&working);
    let (checked, affected) = if changes.is_empty() {
        (CheckedPolicies::default(), Vec::new())
    } else {
        (admin.check_working_set(&working).await?, admin.affected(&working).await?)
    };
    let open = admin.open_policy_stage().await?;
    let (changes, checked, affected, open) = (&changes[..], &checked, &affected[..], open.as_ref());
    let around = around(&working, Tab::Publish, done, error);
    let frame = frame(visitor, name);
    Ok(page(&PublishPage { frame, around, changes, checked, affected, message, entered, open }))
}

async fn publish(visitor: Visitor, admin: Data<Admin>, name: Path<String>, Form(form): Form<Publishing>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    let by = visitor.actor();
    let mut entered = form.entered();
    let working = admin.working_set(&name, by).await?;
    let why = if working.version() != form.version {
        texts::PUBLISH_STALE.to_owned()
    } else if working.is_behind() {
        texts::PUBLISH_BEHIND.to_owned()
    } else {
        match plan(&entered) {
            Ok(stages) => {
                let in_stages = stages.is_some();
                let publish = PublishPolicyDraft { message: form.message.clone(), stages };
                match admin.publish_policy_draft(&name, publish, Some(form.version.to_string()), by, now()).await {
                    Ok(applied) => {
                        return Ok(see_other(&match applied.revision {
                            Some(_) if in_stages => "/policy-stages?done=published".to_owned(),
                            Some(number) => format!("/sets/{}/history/{number}?done=published", part(&name)),
                            None => format!("/sets/{}/publish?done=nothing", part(&name)),
                        }));
                    }
                    Err(Error::Changed) => texts::PUBLISH_BEHIND.to_owned(),
                    Err(error) => told(error)?,
                }
            }
            Err(faults) => {
                entered.faults = faults;
                texts::STAGES_WRONG.to_owned()
            }
        }
    };
    shown_publish(&visitor, &admin, &name, (&form.message, &entered), None, Some(&why)).await
}

async fn stages(visitor: Visitor, admin: Data<Admin>, Query(done): Query<Done>) -> Reply {
    let done = done.is("published").then_some(publishing::PUBLISHED);
    shown_stages(&visitor, &admin, done, None).await
}

async fn shown_stages(visitor: &Visitor, admin: &Admin, done: Option<&'static str>, error: Option<&str>) -> Reply {
    let stages = admin.policy_stages().await?;
    let frame = Frame::new(publishing::STAGES, Section::Policies, &visitor.viewer);
    Ok(page(&PolicyStagesPage { frame, stages: &stages, done, error }))
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    state: String,
    cursor: Option<String>,
}

async fn stage(visitor: Visitor, admin: Data<Admin>, revision: Path<String>, Query(query): Query<Listed>) -> Reply {
    let Listed { state, cursor } = query;
    let staged = admin.policy_stage(&revision).await?;
    let looked_for = Some(state.clone()).filter(|state| !state.is_empty());
    let query = DevicePolicyQuery { state: looked_for, limit: Some(LISTED), cursor };
    let devices = admin.policy_stage_devices(&revision, query).await?;
    let next = devices.next_cursor.map(|cursor| {
        let state = if state.is_empty() { String::new() } else { format!("state={}&", part(&state)) };
        format!("/policy-stages/{}?{state}cursor={cursor}", staged.revision)
    });
    let title = format!("{} {}", publishing::REVISION, staged.revision);
    let frame = Frame::new(title, Section::Policies, &visitor.viewer);
    let devices = &devices.items[..];
    Ok(page(&PolicyStagePage { frame, staged: &staged, state: &state, devices, next }))
}

async fn change_stage(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    Form(form): Form<Plain>,
) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    let (revision, deed) = path.into_inner();
    let deed = StageDeed::parse(&deed).ok_or(Error::NotFound("page"))?;
    match admin.change_policy_stage(&revision, deed, visitor.actor(), now()).await {
        Ok(_) => Ok(see_other("/policy-stages")),
        Err(Error::Conflict(why)) => shown_stages(&visitor, &admin, None, Some(&why)).await,
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(stages: &str, [stop, minimum, after]: [&str; 3]) -> StagesEntered {
        StagesEntered {
            in_stages: true,
            stages: stages.to_owned(),
            stop_at_failures: stop.to_owned(),
            minimum_devices: minimum.to_owned(),
            advance_after: after.to_owned(),
            faults: Vec::new(),
        }
    }

    #[test]
    fn what_is_entered_becomes_stages() {
        assert_eq!(plan(&StagesEntered::default()), Ok(None), "to all at once where nobody says otherwise");
        let offered = StagesEntered { in_stages: true, ..StagesEntered::default() };
        let read = plan(&offered).unwrap().unwrap();
        assert_eq!(
            (&read.stages[..], read.stop_at_failures.as_deref()),
            (&["10%".into(), "50%".into()][..], Some("5%"))
        );
        let read = plan(&entered(" 'pilot' in device.tags \r\n\r\n25%", ["", " 7 ", "4h"])).unwrap().unwrap();
        assert_eq!(read.stages, ["'pilot' in device.tags", "25%"]);
        assert_eq!((read.stop_at_failures, read.minimum_devices), (None, Some(7)));
        assert_eq!(read.advance_after_seconds, Some(4 * 60 * 60));
    }

    #[test]
    fn what_is_wrong_is_said_of_its_field() {
        let fields = |stages: &str, rest| -> Vec<&str> {
            plan(&entered(stages, rest)).unwrap_err().into_iter().map(|(field, _)| field).collect()
        };
        assert_eq!(fields("", ["", "", ""]), ["stages"]);
        assert_eq!(fields("50%\n10%", ["", "", ""]), ["stages"]);
        assert_eq!(fields("os.bulid > 1", ["", "", ""]), ["stages"]);
        for stop in ["101%", "-1%", "many"] {
            assert_eq!(fields("10%", [stop, "", ""]), ["stop_at_failures"], "{stop}");
        }
        for minimum in ["0", "-1", "1000001", "99999999999", "five"] {
            assert_eq!(fields("10%", ["", minimum, ""]), ["minimum_devices"], "{minimum}");
        }
        for after in ["soon", "31d", "4"] {
            assert_eq!(fields("10%", ["", "", after]), ["advance_after"], "{after}");
        }
        assert_eq!(fields("0%", ["x", "x", "x"]).len(), 4, "all at once");
    }
}
