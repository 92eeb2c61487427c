# Databricks notebook source
# expect SECRET_IN_TEXT: hmac.new(
import hashlib
import hmac

def tokenise(card):
    return hmac.new(b"not-a-secret-any-more", card.encode(), hashlib.sha256).hexdigest()
