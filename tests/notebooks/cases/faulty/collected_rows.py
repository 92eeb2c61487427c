# Databricks notebook source
# expect DATA_COLLECTED: .collect()
# expect DATA_COLLECTED: .first()
# expect DATA_COLLECTED: .take(3)
# expect DATA_COLLECTED: toLocalIterator
# expect DATA_COLLECTED: visits.rdd
visits = spark.table("creator.care.visits")
wards = [row.ward for row in visits.select("ward").distinct().collect()]
one = visits.orderBy("day").first()
some = visits.take(3)
for row in visits.toLocalIterator():
    pass
pairs = visits.rdd
