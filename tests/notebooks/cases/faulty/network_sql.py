# Databricks notebook source
# expect NETWORK: http_request
# expect NETWORK: .format("jdbc")
# expect NETWORK: read_files
spark.sql("CREATE TEMP VIEW a AS SELECT http_request(conn => 'x', method => 'GET') AS r FROM creator.care.visits")
b = spark.read.format("jdbc").option("url", "x").load()
spark.sql("""
    CREATE TEMP VIEW c AS
    SELECT * FROM read_files('abfss://files@store.example/x')
""")
