//! `tisync query`
use crate::args::QueryArgs;
use crate::command::follow::follow;
use crate::exit::{Code, Failure};
use crate::fields::{self, Compare as Sign};
use crate::output::{Look, Out};
use crate::table::Table;
use crate::text::{count, now_ms, time};
use serde_json::json;
use tisync::model::ColumnKind;
use tisync::{Collection, Compare, Path, Query, Record, Replica, SqlRows, Value};

/// Finds records, or runs SQL; once, or again after each change.
pub(crate) fn run(replica: &Replica, options: &QueryArgs, out: &Out) -> Result<Code, Failure> {
    if let Some(sql) = &options.sql {
        return sql_rows(replica, sql, options.watch, out);
    }
    let query = query(replica, options)?;
    if options.count {
        let show = |count: &u64| {
            out.line(count);
            out.object(&json!({"count": count}))
        };
        return if options.watch {
            follow(query.watch_count(), out, show)
        } else {
            show(&query.count()?).map(|()| Code::Ok)
        };
    }
    if options.watch {
        return follow(query.watch(), out, |records| {
            let number = count(records.len() as u64, "record", "records");
            out.line(out.look(Look::Dim, format!("{number} at {}", time(now_ms()))));
            if options.columns.is_empty() {
                records.iter().for_each(|record| line(record, out));
            } else {
                table(records, &options.columns)?.print(out);
            }
            out.object(&json!({"records": records}))
        });
    }
    if out.is_json() || options.columns.is_empty() {
        query.for_each(|record| {
            line(&record, out);
            out.object(&record)
                .map_err(|failure| tisync::Error::new(tisync::ErrorKind::Invalid, failure.message))
        })?;
        return Ok(Code::Ok);
    }
    table(&query.all()?, &options.columns)?.print(out);
    Ok(Code::Ok)
}

fn line(record: &Record, out: &Out) {
    out.line(format!("{}\t{}", record.id, record.document.text()));
}

fn query(replica: &Replica, options: &QueryArgs) -> Result<Query, Failure> {
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
    Ok(match options.limit {
        Some(limit) => query.limit(limit),
        None => query,
    })
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

fn sql_rows(replica: &Replica, sql: &str, watch: bool, out: &Out) -> Result<Code, Failure> {
    if watch {
        return follow(replica.watch_sql(sql, &[]), out, |rows| {
            sql_table(rows).print(out);
            out.object(&json!({"rows": sql_objects(rows).collect::<Vec<_>>()}))
        });
    }
    let rows = replica.sql(sql, &[])?;
    sql_table(&rows).print(out);
    for object in sql_objects(&rows) {
        out.object(&object)?;
    }
    Ok(Code::Ok)
}

fn sql_table(rows: &SqlRows) -> Table {
    let mut table = Table::new(rows.columns.clone());
    for row in &rows.rows {
        table.row(row.iter().map(|value| cell(Some(value))));
    }
    table
}

fn sql_objects(rows: &SqlRows) -> impl Iterator<Item = serde_json::Map<String, serde_json::Value>> {
    rows.rows.iter().map(|row| {
        let values = row.iter().map(|value| json!(value));
        rows.columns.iter().cloned().zip(values).collect()
    })
}
