from pyspark.sql import functions as F
from pyspark.sql.session import SparkSession


def main(spark, catalog, schema):
    cells = spark.table("creator.care.visits").groupBy("ward").agg(F.countDistinct("patient_id").alias("people"))
    cells.where(F.col("people") >= 100).write.saveAsTable(f"{catalog}.{schema}.wards")


main(
    SparkSession.builder.appName("wards").getOrCreate(),
    dbutils.widgets.get("cr_output_catalog"),
    dbutils.widgets.get("cr_output_schema"),
)
