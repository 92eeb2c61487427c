# Databricks notebook source
# expect NETWORK: import requests
# expect NETWORK: from urllib.request
# expect NETWORK: import boto3
# expect NETWORK: os.system
# expect NETWORK: pip install pandas
import os
import requests
from urllib.request import urlopen
import boto3 as aws
# COMMAND ----------
os.system("curl https://collector.example")
# COMMAND ----------
# MAGIC %pip install pandas-extra
