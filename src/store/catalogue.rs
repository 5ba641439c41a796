//! What was imported for the catalogue of settings. The documents are not looked into here.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::fragments::{columns, update};
use super::schema::{csp_drops, csp_state, csp_templates};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{CspDrop, KeptTemplate};

/// The one row that counts changes.
const STATE: i64 = 1;

#[derive(Queryable, Selectable)]
#[diesel(table_name = csp_drops)]
struct DropRow {
    name: String,
    sha256: String,
    imported_at: i64,
    imported_by: String,
    files: i64,
    skipped: i64,
    trees: i64,
    nodes: i64,
    place: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = csp_templates)]
struct TemplateRow {
    file: String,
    app: Option<String>,
    kind: Option<String>,
    sha256: String,
    imported_at: i64,
    imported_by: String,
    policies: i64,
}

impl TryFrom<DropRow> for CspDrop {
    type Error = Error;

    fn try_from(row: DropRow) -> Result<Self, Error> {
        Ok(Self {
            name: row.name,
            sha256: row.sha256,
            imported_at: Timestamp(row.imported_at),
            imported_by: row.imported_by,
            files: words::count(row.files, "csp_drops.files")?,
            skipped: words::count(row.skipped, "csp_drops.skipped")?,
            trees: words::count(row.trees, "csp_drops.trees")?,
            nodes: words::count(row.nodes, "csp_drops.nodes")?,
            place: row.place.map(|place| words::count(place, "csp_drops.place")).transpose()?,
        })
    }
}

impl TryFrom<TemplateRow> for KeptTemplate {
    type Error = Error;

    fn try_from(row: TemplateRow) -> Result<Self, Error> {
        Ok(Self {
            file: row.file,
            app: row.app.zip(row.kind),
            sha256: row.sha256,
            imported_at: Timestamp(row.imported_at),
            imported_by: row.imported_by,
            policies: words::count(row.policies, "csp_templates.policies")?,
        })
    }
}

impl Tx<'_> {
    /// A number that is another one after every change.
    pub fn catalogue_generation(&mut self) -> Result<i64, Error> {
        let query = csp_state::table.filter(csp_state::id.eq(STATE)).select(csp_state::generation);
        on_backend!(self, |conn| query.first(conn))
    }

    /// Everything that was imported, in the order of the names.
    pub fn drops(&mut self) -> Result<Vec<CspDrop>, Error> {
        let query = csp_drops::table.order(csp_drops::name).select(columns::<DropRow>());
        let rows: Vec<DropRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(CspDrop::try_from).collect()
    }

    /// The document of a drop.
    pub fn drop_body(&mut self, name: &str) -> Result<Vec<u8>, Error> {
        let query = csp_drops::table.filter(csp_drops::name.eq(name)).select(csp_drops::body);
        let body: Option<Vec<u8>> = on_backend!(self, |conn| query.first(conn).optional())?;
        body.ok_or(Error::NotFound("drop"))
    }

    /// Keeps a drop, in place of one of the same name.
    pub fn keep_drop(&mut self, new: &CspDrop, body: &[u8]) -> Result<(), Error> {
        self.change_catalogue()?;
        let old = diesel::delete(csp_drops::table.filter(csp_drops::name.eq(new.name.as_str())));
        on_backend!(self, |conn| old.execute(conn))?;
        let query = diesel::insert_into(csp_drops::table).values((
            csp_drops::name.eq(new.name.as_str()),
            csp_drops::sha256.eq(new.sha256.as_str()),
            csp_drops::imported_at.eq(new.imported_at.0),
            csp_drops::imported_by.eq(words::text(&new.imported_by)),
            csp_drops::files.eq(i64::from(new.files)),
            csp_drops::skipped.eq(i64::from(new.skipped)),
            csp_drops::trees.eq(i64::from(new.trees)),
            csp_drops::nodes.eq(i64::from(new.nodes)),
            csp_drops::place.eq(new.place.map(i64::from)),
            csp_drops::body.eq(body),
        ));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Says which drops count, the first one most; the others are kept only.
    pub fn use_drops(&mut self, names: &[String]) -> Result<(), Error> {
        self.change_catalogue()?;
        let none = diesel::update(csp_drops::table).set(csp_drops::place.eq(None::<i64>));
        on_backend!(self, |conn| none.execute(conn))?;
        for (place, name) in (0_i64..).zip(names) {
            let query = update(csp_drops::table, csp_drops::name.eq(name.as_str()), csp_drops::place.eq(Some(place)));
            if on_backend!(self, |conn| query.execute(conn))? == 0 {
                return Err(Error::NotFound("drop"));
            }
        }
        Ok(())
    }

    /// Forgets a drop.
    pub fn forget_drop(&mut self, name: &str) -> Result<(), Error> {
        self.change_catalogue()?;
        let query = diesel::delete(csp_drops::table.filter(csp_drops::name.eq(name)));
        match on_backend!(self, |conn| query.execute(conn))? {
            0 => Err(Error::NotFound("drop")),
            _ => Ok(()),
        }
    }

    /// The templates that were imported, in the order of the files.
    pub fn templates(&mut self) -> Result<Vec<KeptTemplate>, Error> {
        let query = csp_templates::table.order(csp_templates::file).select(columns::<TemplateRow>());
        let rows: Vec<TemplateRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(KeptTemplate::try_from).collect()
    }

    /// The document of a template.
    pub fn template_body(&mut self, file: &str) -> Result<Vec<u8>, Error> {
        let query = csp_templates::table.filter(csp_templates::file.eq(file)).select(csp_templates::body);
        let body: Option<Vec<u8>> = on_backend!(self, |conn| query.first(conn).optional())?;
        body.ok_or(Error::NotFound("template"))
    }

    /// Keeps a template, in place of one of the same file.
    pub fn keep_template(&mut self, template: &KeptTemplate, body: &[u8]) -> Result<(), Error> {
        self.change_catalogue()?;
        let old = diesel::delete(csp_templates::table.filter(csp_templates::file.eq(template.file.as_str())));
        on_backend!(self, |conn| old.execute(conn))?;
        let (app, kind) = template.app.clone().unzip();
        let query = diesel::insert_into(csp_templates::table).values((
            csp_templates::file.eq(template.file.as_str()),
            csp_templates::app.eq(app),
            csp_templates::kind.eq(kind),
            csp_templates::sha256.eq(template.sha256.as_str()),
            csp_templates::imported_at.eq(template.imported_at.0),
            csp_templates::imported_by.eq(words::text(&template.imported_by)),
            csp_templates::policies.eq(i64::from(template.policies)),
            csp_templates::body.eq(body),
        ));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Forgets a template.
    pub fn forget_template(&mut self, file: &str) -> Result<(), Error> {
        self.change_catalogue()?;
        let query = diesel::delete(csp_templates::table.filter(csp_templates::file.eq(file)));
        match on_backend!(self, |conn| query.execute(conn))? {
            0 => Err(Error::NotFound("template")),
            _ => Ok(()),
        }
    }

    /// Counts a change; whoever changes something waits here for whoever does so already.
    fn change_catalogue(&mut self) -> Result<(), Error> {
        let query =
            update(csp_state::table, csp_state::id.eq(STATE), csp_state::generation.eq(csp_state::generation + 1));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}
