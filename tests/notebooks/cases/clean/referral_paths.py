# Databricks notebook source
# MAGIC %md
# MAGIC # Referral paths and readmissions
# COMMAND ----------
from collections import OrderedDict
from pyspark.sql import functions as F, types as T
from pyspark.sql.window import Window
dbutils.widgets.dropdown("period", "2026-10", ["2026-10", "2026-11"])
dbutils.widgets.text("cr_output_catalog", "")
period = dbutils.widgets.get("period")
MIN = 100
OUT = ".".join([dbutils.widgets.get("cr_output_catalog"), dbutils.widgets.get("cr_output_schema")])
# COMMAND ----------
encounters = (
    spark.table("creator.care.encounters")
    .filter((F.col("period") == period) & F.col("consent"))
    .withColumn("stay_band", F.when(F.col("days") < 3, "short").when(F.col("days") < 10, "middle").otherwise("long"))
    .withColumnRenamed("member_token", "person")
    .dropDuplicates(["person", "ward"])
)
claims = spark.table("collaborator.claims.claims").select("member_token", "plan", F.col("paid").cast(T.DecimalType(12, 2)).alias("paid"))
both = encounters.join(claims, encounters["person"] == claims["member_token"], "inner").cache()
assert MIN >= 10, "the agreed minimum"
# COMMAND ----------
sheets = OrderedDict()
sheets = {
    "by_ward": both.groupBy("ward"),
    "by_plan": both.groupBy("plan", "stay_band"),
}
def figures(groups):
    return (groups.agg(F.count_distinct("person").alias("people"), F.round(F.avg("paid"), 0).alias("paid"))
            .where("people >= %d" % MIN)
            .withColumn("people", (F.floor(F.col("people") / 10) * 10).cast("int"))
            .orderBy(F.desc("people")))
for name, groups in sheets.items():
    figures(groups).write.mode("errorifexists").format("delta").saveAsTable(name=f"{OUT}.{name}", mode="error")
for i, key in enumerate(["ward", "plan"]):
    figures(both.groupBy(key)).write.saveAsTable(OUT + "." + key + str(i))
counts = encounters.dropDuplicates(["person", "ward"]).groupBy("ward").count().withColumnRenamed("count", "people").filter(f"people >= {MIN}")
counts.write.saveAsTable(f"{OUT}.counts")
pairs = both.select("ward", "person").distinct().groupBy("ward").agg(F.count(F.lit(1)).alias("n")).filter(F.col("n") >= MIN)
pairs.write.saveAsTable(f"{OUT}.pairs")
try:
    figures(both.groupBy("ward", "plan")).write.saveAsTable(f"{OUT}.fine")
except Exception as e:
    print("The fine sheet could not be written.")
    raise
print("Sheets written:", len(sheets), "for", period)
