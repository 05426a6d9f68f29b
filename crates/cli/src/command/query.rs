//! `tisync query`
use crate::args::QueryArgs;
use crate::exit::{Code, Failure};
use crate::fields::{self, Compare as Sign};
use crate::output::Out;
use crate::table::Table;
use serde_json::json;
use tisync::model::ColumnKind;
use tisync::{Collection, Compare, Path, Query, Record, Replica, Value};

/// Finds records, or runs SQL.
pub(crate) fn run(replica: &Replica, options: &QueryArgs, out: &Out) -> Result<Code, Failure> {
    if let Some(sql) = &options.sql {
        return run_sql(replica, sql, out);
    }
    let name = options.collection.as_deref().unwrap_or_default();
    let collection = replica.collection(name)?;
    let mut query = collection.query();
    for text in &options.filters {
        query = with_filter(query, &collection, text)?;
    }
    query = match &options.order {
        Some(order) if options.desc => query.order_by_descending(order)?,
        Some(order) => query.order_by(order)?,
        None if options.desc => query.order_by_descending("id")?,
        None => query,
    };
    if let Some(limit) = options.limit {
        query = query.limit(limit);
    }
    if options.count {
        let count = query.count()?;
        out.line(count);
        out.object(&json!({"count": count}))?;
        return Ok(Code::Ok);
    }
    if out.is_json() || options.columns.is_empty() {
        query.for_each(|record| {
            out.line(format!("{}\t{}", record.id, record.document.text()));
            out.object(&record)
                .map_err(|failure| tisync::Error::new(tisync::ErrorKind::Invalid, failure.message))
        })?;
        return Ok(Code::Ok);
    }
    table(&query.all()?, &options.columns)?.print(out);
    Ok(Code::Ok)
}

fn with_filter(query: Query, collection: &Collection, text: &str) -> Result<Query, Failure> {
    let (name, sign, value) = fields::filter(text)?;
    let path = fields::path(name)?;
    let config = collection.replica().config().collection(collection.name());
    let is_text = config.is_some_and(|config| {
        config
            .schema
            .columns
            .iter()
            .any(|column| column.path == path && column.kind == ColumnKind::Text)
    });
    let compare = match sign {
        Sign::Is => Compare::Is,
        Sign::IsNot => Compare::IsNot,
        Sign::Below => Compare::Below,
        Sign::AtMost => Compare::AtMost,
        Sign::Above => Compare::Above,
        Sign::AtLeast => Compare::AtLeast,
    };
    Ok(query.filter(name, compare, fields::filter_value(value, is_text))?)
}

fn table(records: &[Record], columns: &[String]) -> Result<Table, Failure> {
    let paths = columns
        .iter()
        .map(|name| fields::path(name))
        .collect::<Result<Vec<Path>, _>>()?;
    let mut table = Table::new(["id"].into_iter().chain(columns.iter().map(String::as_str)));
    for record in records {
        let object = record.document.object();
        let cells = paths.iter().map(|path| tisync::json::get(&object, path));
        table.row([record.id.to_string()].into_iter().chain(cells.map(cell)));
    }
    Ok(table)
}

/// A value for people: texts without quotes, nothing for what is not there.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.canonical(),
    }
}

fn run_sql(replica: &Replica, sql: &str, out: &Out) -> Result<Code, Failure> {
    let answer = replica.sql(sql, &[])?;
    let mut table = Table::new(answer.columns.clone());
    for row in &answer.rows {
        if out.is_json() {
            let object: serde_json::Map<_, _> = answer
                .columns
                .iter()
                .cloned()
                .zip(row.iter().map(|value| json!(value)))
                .collect();
            out.object(&object)?;
        } else {
            table.row(row.iter().map(|value| cell(Some(value))));
        }
    }
    table.print(out);
    Ok(Code::Ok)
}
